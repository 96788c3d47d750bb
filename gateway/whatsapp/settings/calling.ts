/** The call settings of a number in Meta's names, as they are compared and written. */

export type OnOff = 'ENABLED' | 'DISABLED';

export interface MetaServer {
  readonly hostname: string;
  readonly port: number;
  readonly request_uri_user_params?: Readonly<Record<string, string>>;
}

export interface MetaSip {
  readonly status?: string;
  /** Those of this app. */
  readonly servers?: readonly MetaServer[];
  readonly webhook_delivery?: string;
}

export interface MetaCallHours {
  readonly status?: string;
  readonly timezone_id?: string;
  /** Times HHMM. */
  readonly weekly_operating_hours?: readonly {
    readonly day_of_week: string;
    readonly open_time: string;
    readonly close_time: string;
  }[];
  readonly holiday_schedule?: readonly {
    /** YYYY-MM-DD */
    readonly date: string;
    readonly start_time: string;
    readonly end_time: string;
  }[];
}

export interface MetaVoicemail {
  readonly status?: string;
  readonly triggers?: readonly string[];
  readonly audio?: { readonly default: { readonly announcement_media_id: string } };
  readonly timeout_seconds?: number;
}

/** What is absent was never set at Meta, or is not wanted to be anything by the configuration. */
export interface MetaCalling {
  readonly status?: string;
  readonly call_icon_visibility?: string;
  readonly call_icons?: { readonly restrict_to_user_countries: readonly string[] };
  readonly call_hours?: MetaCallHours;
  readonly callback_permission_status?: string;
  readonly sip?: MetaSip;
  readonly srtp_key_exchange_protocol?: string;
  readonly audio?: { readonly additional_codecs: readonly string[] };
  readonly voicemail?: MetaVoicemail;
}
