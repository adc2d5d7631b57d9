"""A row or two for each file: a small company whose files fit together and sync as they are."""

from collections.abc import Mapping

EXAMPLES: Mapping[str, str] = {
    "accounts": """\
name,base_currency,time_zone,fiscal_year_start,week_start
Example Trading,EUR,Europe/Berlin,1,monday
""",
    "users": """\
id,name,email,role,is_active,active_from
u1,Rep One,rep.one@example.com,rep,true,2025-01-01
u2,Rep Two,rep.two@example.com,rep,true,2025-06-01
""",
    "teams": """\
id,name,parent_id
t1,Sales North,
""",
    "team_memberships": """\
user_id,team_id,is_primary,valid_from,valid_to
u1,t1,true,2025-01-01,
u2,t1,true,2025-06-01,
""",
    "companies": """\
id,name,domain,country,region,industry,employees,owner_id,source
c1,First Customer,first.example.com,Germany,DACH,Machinery,120,u1,Referral
c2,Second Customer,second.example.com,Austria,DACH,Retail,40,u2,Fair
""",
    "contacts": """\
id,company_id,name,email,owner_id,source
p1,c1,Buyer One,buyer@first.example.com,u1,Referral
""",
    "leads": """\
id,name,company_id,contact_id,owner_id,source,campaign_id,status,created_at,qualified_at,converted_at,converted_deal_id
l1,Interest in pumps,c1,p1,u1,Fair,m1,converted,2026-01-05 09:00,2026-01-07 11:30,2026-01-12 10:00,d1
""",
    "lead_stage_changes": """\
lead_id,changed_at,from_stage,to_stage,changed_by
l1,2026-01-07 11:30,new,qualified,u1
""",
    "campaigns": """\
id,name,type,channel,start_date,end_date,budget,actual_cost,currency
m1,Spring fair,event,fair,2026-01-03,2026-01-06,5000,4812.40,EUR
""",
    "campaign_members": """\
id,campaign_id,lead_id,contact_id,responded_at
mm1,m1,l1,,2026-01-05 09:00
""",
    "pipelines": """\
id,name,object,include_in_kpis,sort_order
sales,Sales,deal,true,1
""",
    "stages": """\
pipeline_id,id,name,sort_order,probability,is_closed,is_won
sales,new,New,1,0.1,false,false
sales,offer,Offer,2,0.5,false,false
sales,won,Won,3,1,true,true
sales,lost,Lost,4,0,true,false
""",
    "deals": """\
id,name,pipeline_id,stage_id,owner_id,company_id,amount,currency,close_date,is_closed,is_won,source,created_at
d1,Pumps for plant 2,sales,won,u1,c1,1500.25,EUR,2026-02-20,true,true,Fair,2026-01-12 10:00
d2,Shelves,sales,offer,u2,c2,800,EUR,2026-12-15,false,false,Referral,2026-02-01 15:20
""",
    "deal_stage_changes": """\
deal_id,entered_at,pipeline_id,stage_id
d1,2026-01-12 10:00,sales,new
d1,2026-01-30 09:15,sales,offer
d1,2026-02-20 16:40,sales,won
d2,2026-02-01 15:20,sales,new
d2,2026-02-10 12:00,sales,offer
""",
    "deal_field_changes": """\
deal_id,field,changed_at,old_value,new_value,changed_by
d1,amount,2026-02-03 10:00,1400,1500.25,u1
""",
    "deal_contacts": """\
deal_id,contact_id,role,is_primary
d1,p1,buyer,true
""",
    "deal_splits": """\
id,deal_id,user_id,percent,kind
s1,d1,u1,70,revenue
s2,d1,u2,30,revenue
""",
    "products": """\
id,name,sku,family,list_price,unit_cost,currency,is_active
pump,Pump,PU-1,Machines,750.125,400,EUR,true
""",
    "line_items": """\
id,name,deal_id,product_id,quantity,list_price,unit_price,discount,net_amount,currency
i1,Pump,d1,pump,2,750.125,750.125,0,1500.25,EUR
""",
    "orders": """\
id,company_id,deal_id,ordered_on,amount,currency,status
o1,c1,d1,2026-02-21,1500.25,EUR,delivered
""",
    "activities": """\
id,type,direction,owner_id,occurred_at,duration_s,outcome,subject
a1,call,outbound,u1,2026-01-13 11:00,420,connected,First talk
a2,meeting,,u1,2026-01-20 14:00,3600,completed,Visit
""",
    "activity_links": """\
activity_id,entity,entity_id
a1,deals,d1
a2,deals,d1
""",
    "meeting_invites": """\
activity_id,contact_id,status
a2,p1,accepted
""",
    "tickets": """\
id,company_id,owner_id,status,priority,created_at,first_response_at,closed_at
k1,c1,u1,closed,high,2026-03-02 08:00,2026-03-02 09:10,2026-03-03 17:00
""",
    "survey_responses": """\
id,type,score,responded_at,company_id,contact_id
r1,NPS,9,2026-03-10 12:00,c1,p1
""",
    "spend": """\
spent_on,category,campaign_id,source,amount,currency
2026-01-03,marketing,m1,Fair,4812.40,EUR
2026-01-31,sales,,,9000,EUR
""",
    "targets": """\
kpi_key,scope_type,scope_id,period_start,period_end,value,currency
revenue,company,,2026-01-01,2026-04-01,50000,EUR
revenue,user,u1,2026-01-01,2026-04-01,30000,EUR
""",
    "forecast_submissions": """\
submitted_by,submitted_at,scope_type,scope_id,period_start,period_end,category,amount,currency
u1,2026-01-15 09:00,user,u1,2026-01-01,2026-04-01,commit,12000,EUR
""",
    "subscriptions": """\
id,company_id,product_id,mrr,currency,start_date,end_date,status
b1,c1,pump,99.90,EUR,2026-03-01,,active
""",
    "exchange_rates": """\
from_currency,to_currency,effective_from,rate,source
USD,EUR,2026-01-01,0.92,central bank
""",
    "training_events": """\
user_id,title,kind,hours,status,completed_on,score
u2,Negotiation,course,7.5,passed,2026-02-11,88
""",
    "competitor_prices": """\
product_id,competitor,price,currency,region,observed_on
pump,Other Pumps,699,EUR,DACH,2026-02-01
""",
    "product_usage": """\
company_id,product_id,day,active_users,events
c1,pump,2026-03-05,12,340
""",
    "unit_costs": """\
product_id,valid_from,cost,currency
pump,2026-01-01,400,EUR
""",
}
